package keys

import (
	"fmt"

	"github.com/joinmarket-go/joinmarket/wallet/bond"
	"github.com/joinmarket-go/joinmarket/wallet/descriptor"
	"github.com/joinmarket-go/joinmarket/wallet/txbuild"
)

// Redeem returns the script that the output of a fidelity bond hides, and nil
// for other paths.
func (t *Tree) Redeem(p Path) ([]byte, error) {
	if p.Branch != Timelocked {
		return nil, nil
	}
	pub, err := t.PublicKey(p)
	if err != nil {
		return nil, err
	}
	return bond.Redeem(p.Locktime, [33]byte(pub)), nil
}

// Script returns the output script of the path.
func (t *Tree) Script(p Path) ([]byte, error) {
	pub, err := t.PublicKey(p)
	if err != nil {
		return nil, err
	}
	return t.script(p, pub)
}

// script returns the output script of the path, whose public key is given.
func (t *Tree) script(p Path, pub []byte) ([]byte, error) {
	if p.Branch == Timelocked {
		return bond.Script(bond.Redeem(p.Locktime, [33]byte(pub))), nil
	}
	return t.kind.Script(pub)
}

// Address returns the text that a payer uses for the path.
func (t *Tree) Address(p Path) (string, error) {
	script, err := t.Script(p)
	if err != nil {
		return "", err
	}
	return txbuild.FormatAddress(script, t.params)
}

// Descriptor returns the ranged public output descriptor of a branch, External
// or Internal, without checksum: wpkh([d34db33f/84h/0h/0h]xpub.../0/*) (BIP380).
// That of a watch-only wallet does not tell the way from the root.
func (t *Tree) Descriptor(mixdepth int, number uint32) (string, error) {
	if number > Internal {
		return "", fmt.Errorf("%w: no descriptor for branch %d", ErrPath, number)
	}
	b, err := t.branch(mixdepth, number)
	if err != nil {
		return "", err
	}
	origin := ""
	if t.fingerprint != "" {
		origin = "[" + t.fingerprint
		for _, level := range account(t.kind, t.params, uint32(mixdepth)) {
			if level >= hardened {
				origin += fmt.Sprintf("/%dh", level-hardened)
			} else {
				origin += fmt.Sprintf("/%d", level)
			}
		}
		origin += "]"
	}
	return descriptor.Keys(t.kind, fmt.Sprintf("%s%s/%d/*", origin, b.account, number))
}
