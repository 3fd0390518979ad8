package content

const Nonblock = 0 // there are no FIFOs among files
