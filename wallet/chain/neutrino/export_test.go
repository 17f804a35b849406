package neutrino

import "time"

// SetTimes is called before any backend is opened.
func SetTimes(stall, reject time.Duration) { stallTime, rejectTime = stall, reject }
