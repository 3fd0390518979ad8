package record

// Outcomes are what became of the entries. Of those that say nothing but their result a byte is kept, if the entries
// themselves are not in memory either.
type Outcomes struct {
	Results []Result // 0: none yet
	Whole   map[int]*Outcome
	compact bool
}

// NewOutcomes has none of so many entries.
func NewOutcomes(entries int, compact bool) Outcomes {
	return Outcomes{Results: make([]Result, entries), Whole: map[int]*Outcome{}, compact: compact}
}

// Has says whether an entry has one.
func (o *Outcomes) Has(i int) bool { return o.Results[i] != 0 }

// Set gives an entry a copy of its outcome; nil: none.
func (o *Outcomes) Set(i int, out *Outcome) {
	delete(o.Whole, i)
	if out == nil {
		o.Results[i] = 0
		return
	}
	o.Results[i] = out.Result
	plain := out.Name == out.Path && out.Reason == "" && out.Cause == "" && !out.Foreign
	if !o.compact || !plain {
		kept := *out // of the others of its batch nothing is kept
		o.Whole[i] = &kept
	}
}
