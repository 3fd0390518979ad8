package sim

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

// scenarios are plans in which one kind of trouble comes again and again: whatever seed they are played with,
// everybody gets what is owed.
var scenarios = map[string]func(p *plan){
	"half of all calls are lost": func(p *plan) {
		for i := range p.devices {
			p.devices[i].callLoss = 0.5
		}
	},
	"calls are lost and disks fail": func(p *plan) {
		for i := range p.devices {
			p.devices[i].callLoss, p.devices[i].sick = 0.3, 5
		}
	},
	"streams break, agents are killed, disks are full": func(p *plan) {
		for i := range p.devices {
			d := &p.devices[i]
			d.callLoss, d.full = 0.1, i%2 == 1
			for n := range 6 {
				at := time.Duration(n*7+i)*80*time.Millisecond + 50*time.Millisecond
				d.streams = append(d.streams, at)
				if n%3 == i%3 {
					d.kills = append(d.kills, at+40*time.Millisecond)
				}
			}
		}
	},
	"files change again and again": func(p *plan) {
		for i := range p.devices {
			p.devices[i].callLoss = 0.2
		}
		for n := range 8 {
			p.deeds = append(p.deeds, deed{at: time.Duration(n*350+100) * time.Millisecond, kind: deedReplan})
		}
	},
	"all over HTTPS, half of all calls are lost": func(p *plan) {
		for i := range p.devices {
			p.devices[i].callLoss = 0.4
		}
		for i := range p.transfers {
			p.transfers[i].via = groupcast.ViaHTTPS
		}
		for n := range 4 {
			p.deeds = append(p.deeds, deed{at: time.Duration(n*150+100) * time.Millisecond, kind: deedReplan})
		}
	},
	"cancelled and owed again": func(p *plan) {
		for i := range p.devices {
			d := &p.devices[i]
			d.callLoss, d.sick = 0.1, 3
			for n := range 4 {
				at := time.Duration(n*600+i*90) * time.Millisecond
				d.stalls = append(d.stalls, span{at, at + 400*time.Millisecond})
			}
		}
		for n := range 10 {
			at := time.Duration(n*280+150) * time.Millisecond
			p.deeds = append(p.deeds, deed{at: at, kind: deedCancel, transfer: n % 2},
				deed{at: at + 60*time.Millisecond, kind: deedRetry, transfer: n % 2})
		}
	},
}

func TestScenarios(t *testing.T) {
	for name, change := range scenarios {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed <= 40; seed++ {
				p := battlefield(6, 12, 8, 0.05, 60_000, assault{})
				p.until, p.https = 3*time.Second, 0
				p.transfers = []transferPlan{{blocks: 12, k: 8, files: 6}, {at: 300 * time.Millisecond, blocks: 6, k: 8, files: 4}}
				change(&p)
				if w := play(seed, p, None); w.err != nil {
					t.Errorf("seed %d: %v", seed, w.err)
				}
			}
		})
	}
}
