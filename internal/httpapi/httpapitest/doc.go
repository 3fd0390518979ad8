// Package httpapitest has a groupcast.Service for tests of the API's two ends: it notes who
// called what and answers with values in which nothing is zero.
package httpapitest
