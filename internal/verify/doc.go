// Package verify says on a terminal whether what was delivered still lies where it was delivered, and what a
// transfer's proof proves.
package verify
