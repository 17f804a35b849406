package nodump

func set() error { return nil }
