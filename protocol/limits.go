package protocol

// Limits of what comes from a participant, counted before it is believed.
// Those the network itself imposes say so; the others are this program's.
const (
	// MaxMessage is the greatest length in bytes of a private message with key
	// and signature. The network's onion channels drop longer lines.
	MaxMessage = 40_000
	// MaxGroups is the greatest number of command groups in one line.
	MaxGroups = 32
	// MaxErrorText is how much of an error's text is kept, in bytes.
	MaxErrorText = 200

	// MaxTx is the greatest size in bytes of the unsigned transaction in a tx:
	// twice in base64, boxed and signed it still fits MaxMessage, which from
	// 22,342 bytes on it would not.
	MaxTx = 22_000
	// MaxPush is the greatest size in bytes of the signed transaction in a
	// push, that of the largest one nodes relay. MaxMessage leaves room for
	// 29,829.
	MaxPush = 100_000
	// MaxSigScript is the greatest size in bytes of the pushes in a sig:
	// signature, key and, in the nested type, the key's script make 131.
	MaxSigScript = 256
	// MaxUTXOs is the greatest number of coins one maker may bring in.
	MaxUTXOs = 100

	// BondProofSize is the size in bytes of a fidelity bond's proof, fixed by
	// its layout; as base64 it has BondProofText characters.
	BondProofSize = 252
	BondProofText = 336

	// MaxMakers is the greatest number of makers in one attempt.
	MaxMakers = 64
	// MaxOwnOffers is the greatest number of offers a maker announces itself.
	MaxOwnOffers = 8
	// MaxOffersPerNick is how many offers of one nick the order book keeps.
	MaxOffersPerNick = 8
	// MaxOffers is how many offers the order book keeps in all.
	MaxOffers = 20_000
)
