package main

import (
	"bytes"
	"os"
	"path/filepath"
)

// openings writes openings of commitments to a coin into a file.
func (s *scene) openings() {
	s.must("podle", "generate", s.coins[0].String())
	s.write("openings", s.out.Bytes())
}

func (s *scene) addOpenings() {
	s.openings()
	s.must("podle", "add", filepath.Join(s.dir, "openings"))
}

func (s *scene) openingsAdded() bool {
	data, err := os.ReadFile(filepath.Join(s.dir, "cmtdata", "regtest_commitments.json"))
	return err == nil && bytes.Contains(data, []byte(s.coins[0].String()))
}
