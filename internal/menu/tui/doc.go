// Package tui shows a menu on a terminal: the list of entries, their questions as forms, pages and
// the view of the transfers that run. What is asked and done is menu's.
package tui
