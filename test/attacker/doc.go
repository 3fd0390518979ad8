// Package attacker is who attacks in the end-to-end attacks (TestRedteam… in test/e2e): a program
// that logs in as a member, attaches as a receiver does, holds a session's keys, and then forges,
// floods, lies, replays or listens. It runs on a host of its own in the lab, against the real
// binary. Everything it does ends by itself. It is for tests and no part of the product.
package attacker
