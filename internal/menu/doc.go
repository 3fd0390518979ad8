// Package menu is what can be asked by numbers: the entries of the administrator's menu and of the
// receiver's, the questions of each, what it does and what it says then. It knows no terminal:
// menu/tui shows the entries as screens with forms, Prompts as lines of text. It asks the server
// through apiclient like every other face.
package menu
