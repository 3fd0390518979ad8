package cli

import "github.com/groupcast/groupcast/internal/words"

// What the command line says in the same words as the menu.
type (
	snapshot  = words.Snapshot
	stillness = words.Stillness
)

var (
	clean, name, hides    = words.Clean, words.Name, words.Hides
	size, ago, plural     = words.Size, words.Ago, words.Plural
	cut, bar              = words.Cut, words.Bar
	settled, share        = words.Settled, words.Share
	headline, summary     = words.Headline, words.Summary
	deviceLines, whatNow  = words.DeviceLines, words.WhatNow
	deliveryRow, offerRow = words.DeliveryRow, words.OfferRow
	checkRow              = words.CheckRow
	estimates             = words.Estimates
)
