package rate

// SetCap changes the most that may be used; 0: none.
func (c *Controller) SetCap(bytesPerSec uint64) {
	lifted := bytesPerSec == 0 || bytesPerSec > c.cfg.Cap
	c.cfg.Cap = bytesPerSec
	before := c.rate
	if lifted && c.cfg.Fixed > 0 {
		c.rate = float64(c.cfg.Fixed)
	}
	c.clamp()
	c.recapped(before)
}

// recapped names the cap if the rate had to come down to it, and no more if the rate is below. A change as small as
// HTTPS makes, which comes and goes, says nothing new.
func (c *Controller) recapped(before float64) {
	switch {
	case c.rate < telling*before:
		c.named = LimitCap
	case c.cfg.Fixed > 0 && before < telling*c.rate, c.cfg.Fixed == 0 && c.rate < telling*c.top() && c.named == LimitCap:
		c.named, c.calm = LimitStart, 0
	}
}

// SetFixed changes the fixed rate; with 0 it is found out from where it is.
func (c *Controller) SetFixed(bytesPerSec uint64) {
	c.cfg.Fixed = bytesPerSec
	if bytesPerSec > 0 {
		c.rate = float64(bytesPerSec)
	}
	c.limiter, c.lastGood = LimitCap, c.rate/2
	if bytesPerSec == 0 {
		c.limiter = LimitStart
	}
	c.clamp()
	c.named, c.calm = LimitStart, 0
}

// top is the most that may be used.
func (c *Controller) top() float64 {
	if c.cfg.Cap > 0 {
		return float64(c.cfg.Cap)
	}
	return MaxRate
}

func (c *Controller) clamp() {
	top := c.top()
	if c.rate >= top {
		c.rate = top
		c.limiter = LimitCap
	}
	if c.cfg.Fixed == 0 {
		c.rate = max(c.rate, min(MinRate, top))
	}
}
