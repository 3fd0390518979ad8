// Package attacker is the attacker in the end-to-end attacks (TestRedteam… in test/e2e): a program that
// logs in as a member, attaches as a receiver does, has a session's keys, and then forges, floods, reports
// falsely, replays or listens. It runs on a host of its own in the lab, against the real
// binary. Everything it does ends by itself. It is for tests and no part of the product.
package attacker
