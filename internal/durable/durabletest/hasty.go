package durabletest

import (
	"io/fs"

	"github.com/joinmarket-go/joinmarket/internal/durable"
)

// Hasty is a disk that does not wait until what is written is there: for tests in
// which the power stays on.
func Hasty(d durable.System) durable.System { return hasty{d} }

type hasty struct{ durable.System }

func (d hasty) SyncDir(string) error { return nil }

func (d hasty) Create(name string, perm fs.FileMode) (durable.File, error) {
	f, err := d.System.Create(name, perm)
	return hastyFile{f}, err
}

type hastyFile struct{ durable.File }

func (hastyFile) Sync() error { return nil }
