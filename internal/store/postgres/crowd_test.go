package postgres_test

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/store/copier"
	"github.com/groupcast/groupcast/internal/store/postgres/pgtest"
	"github.com/groupcast/groupcast/internal/store/storetest/crowd"
)

func TestCrowd(t *testing.T) {
	s := copier.Backed{Store: open(t, pgtest.Shared(t).Schema(t))}
	crowd.Run(t, s, crowd.Options{Seed: rand.Uint64(), Workers: 8, Each: 60})
}

// TestCrowdWhoseConnectionsEnd lets many work on a database while an administrator of PostgreSQL ends connections,
// in the middle of transactions and as they are committed.
func TestCrowdWhoseConnectionsEnd(t *testing.T) {
	server := pgtest.Shared(t)
	address := server.Schema(t)
	s, db := copier.Backed{Store: open(t, address)}, server.Open(t, address)
	var killed atomic.Int64
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(rand.IntN(30)) * time.Millisecond):
			}
			rows, err := db.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE application_name LIKE 'groupcast %' AND state <> 'idle' ORDER BY random() LIMIT 1`)
			if err != nil {
				t.Error(err)
				return
			}
			n, _ := rows.RowsAffected()
			killed.Add(n)
		}
	}()
	crowd.Run(t, s, crowd.Options{Seed: rand.Uint64(), Workers: 8, Each: 60, Troubled: true, Ended: func() {
		close(stop)
		<-ended
	}})
	t.Logf("%d connections were ended", killed.Load())
	if killed.Load() == 0 {
		t.Error("no connection was ended while it was used")
	}
}
