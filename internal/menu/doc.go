// Package menu is the numbered menu of the administrator and that of the receiver: on a
// terminal as screens with forms, anywhere else as plain prompts, one answer a line. Both faces
// show the same rows. It asks the server through apiclient like every other face and decides
// nothing.
package menu
