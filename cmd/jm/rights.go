package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/joinmarket-go/joinmarket/internal/config"
	"github.com/joinmarket-go/joinmarket/internal/durable"
)

// closeToOthers takes away the rights that other users of the machine have on
// what is secret in the data folder: the configuration, which may have the
// node's password, the folders, and all files of wallets. Whatever jm makes is
// for the owner alone from the beginning; other programs and copies are not.
// Wallets of the Python JoinMarket keep their rights: nobody comes to them through
// the folder.
func (a *app) closeToOthers() (odd []finding) {
	for _, name := range []string{config.FileName, "cmtdata", "logs"} {
		odd = append(odd, closeToOther(filepath.Join(a.cfg.Dir, name))...)
	}
	err := filepath.WalkDir(filepath.Join(a.cfg.Dir, "wallets"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && (e.IsDir() || e.Type().IsRegular() && !strings.HasSuffix(path, oldExt)) {
			odd = append(odd, closeToOther(path)...)
		}
		return err
	})
	if err != nil {
		odd = append(odd, fault("rights", "Looking at who may read the wallets: %v", err))
	}
	return odd
}

func closeToOther(path string) []finding {
	changed, err := durable.OwnerOnly(path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return []finding{fault("rights", "Others may be able to read %s, and that cannot be ended: %v", path, err)}
	case changed:
		return []finding{note("rights", "Others could read %s. That is over now.", path)}
	}
	return nil
}
