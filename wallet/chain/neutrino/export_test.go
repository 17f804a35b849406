package neutrino

import "time"

// SetTimes is called before any backend is opened.
func SetTimes(stall, ask, reject time.Duration) { stallTime, askTime, rejectTime = stall, ask, reject }
