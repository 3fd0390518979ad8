package cli

import "github.com/groupcast/groupcast/internal/ui"

// What the command line says in the same words as the menu.
type (
	snapshot  = ui.Snapshot
	stillness = ui.Stillness
)

var (
	clean, name, hides    = ui.Clean, ui.Name, ui.Hides
	size, ago, plural     = ui.Size, ui.Ago, ui.Plural
	cut, bar              = ui.Cut, ui.Bar
	settled, share        = ui.Settled, ui.Share
	headline, summary     = ui.Headline, ui.Summary
	deviceLines, whatNow  = ui.DeviceLines, ui.WhatNow
	deliveryRow, offerRow = ui.DeliveryRow, ui.OfferRow
	checkRow              = ui.CheckRow
	estimates             = ui.Estimates
)
