package agent

import "time"

// SetTimes says how long the server has for a receipt, and for the last words of an agent that ends.
func SetTimes(receipt, last time.Duration) { receiptTime, farewell = receipt, last }
