package agent

import "time"

// SetLacks says how many ranges a device names at most, and gives how many that were.
func SetLacks(most int) (before int) {
	before, maxLacks = maxLacks, most
	return before
}

// SetTimes says how long the server has for a receipt, and for the last words of an agent that ends.
func SetTimes(receipt, last time.Duration) { receiptTime, farewell = receipt, last }
