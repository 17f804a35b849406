// Package protocol is the vocabulary of the market: commands, nicks, offers,
// commitments, limits and reasons. It knows nothing of Bitcoin and holds no
// state.
//
// Participants speak in lines of printable ASCII. A line is one or more groups,
// a group is '!', a command and fields, each field preceded by one space:
//
//	!sw0reloffer 0 100000 79000000 0 0.00002!sw0absoffer 1 100000 50000000 0 500
//
// The commands, with T for the taker who starts and pays, M for the makers, and
// * for everybody in the room:
//
//	Command                   From  To   Where            Sealed  Fields
//	orderbook                 T     *    public           no      -
//	reloffer absoffer         M     * T  public, private  no      oid minsize maxsize txfee cjfee
//	swreloffer swabsoffer     M     * T  public, private  no      the same
//	sw0reloffer sw0absoffer   M     * T  public, private  no      the same
//	tbond                     M     T    behind an offer  no      proof
//	cancel                    M     *    public           no      oid
//	fill                      T     M    private          no      oid amount key commitment
//	pubkey                    M     T    private          no      key
//	auth                      T     M    private          yes     txid:vout|P|P2|s|e
//	ioauth                    M     T    private          yes     utxos authkey cjaddr changeaddr sig
//	tx                        T     M    private          yes     transaction
//	sig                       M     T    private          yes     script
//	error                     both  both private          no      text
//	push                      T     M    private          no      transaction
//	hp2                       M     * M  public, private  no      commitment
//
// A CoinJoin runs from top to bottom: the taker asks for offers, fills some,
// each maker answers with a session key, the taker opens its commitment, the
// makers their coins; the taker sends one transaction to all and gathers their
// signatures.
//
// On its way out a private message passes four layers, each a package of its
// own, and on its way in the same four backwards:
//
//	line      a typed message     <-> "fill 0 50000000 8778... P1aad..."
//	seal      what auth, ioauth, tx and sig say <-> base64 of a box
//	envelope  "!cmd msg"          <-> "!cmd msg pubkey signature"
//	chunk     a message           <-> IRC lines that end in " ;" or " ~"
//
// Public lines are not signed: whoever is in the room may write in any name
// there. They are hints; the first word a maker must stand for is its private
// answer.
package protocol
