package store

import (
	"fmt"

	"github.com/joinmarket-go/joinmarket/internal/durable"
)

// sideSuffix ends the name of the side file: NAME.chain.
const sideSuffix = ".chain"

// SaveSide replaces the body of the side file, which is beside the wallet file
// and sealed under the same key. It is for what can be had again from elsewhere,
// so that a lost one costs time only. What Save says of crashes holds here too.
// SaveSide may be called while Save runs.
func (f *File) SaveSide(body []byte) error {
	if f.sealer == nil {
		return ErrClosed
	}
	if len(body) > maxBody {
		return fmt.Errorf("saving the state of the chain: %d bytes are too many", len(body))
	}
	if err := durable.WriteFileOn(f.files, f.path+sideSuffix, f.sealer.seal(side, body), filePerm); err != nil {
		return fmt.Errorf("saving the state of the chain: %w", err)
	}
	return nil
}

// ReadSide returns what SaveSide wrote last. An error of a file that is not
// there wraps fs.ErrNotExist. One of another wallet, or of the time before the
// password was changed, is ErrDamaged.
func (f *File) ReadSide() ([]byte, error) {
	if f.sealer == nil {
		return nil, ErrClosed
	}
	path := f.path + sideSuffix
	if err := durable.Clean(path); err != nil {
		return nil, fmt.Errorf("reading the state of the chain: %w", err)
	}
	file, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("reading the state of the chain: %w", err)
	}
	h, err := decodeHeader(file)
	if err != nil {
		return nil, err
	}
	own := f.sealer.header
	if h.kind != side || h.kdf != own.kdf || h.salt != own.salt || h.check != own.check {
		return nil, fmt.Errorf("%w (it belongs to another file)", ErrDamaged)
	}
	return (&sealer{h, f.sealer.aead}).open(file)
}
