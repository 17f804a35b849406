// Package amp is the wire format of the reference implementation's daemon and
// clients: AMP, the Asynchronous Messaging Protocol of Twisted. It frames boxes,
// reads and writes the values in them, and holds a connection on which both
// ends may ask at any time. What is asked it does not know (see daemon/amp).
//
// A box is a list of pairs, each a length of two bytes (most significant first)
// and a key, a length of two bytes and a value; a length of zero in the place
// of a key ends it. Keys have 1..255 bytes, values 0..65535.
//
// The format bounds neither the pairs of a box nor its bytes, and knows no time.
// Here all three have limits: MaxPairs, the limit that Read is given, and
// FirstTimeout and StallTimeout of a connection.
//
// # Order
//
// Pairs may come in any order and are written sorted by key, as the reference
// does. Answers come in the order in which they were given, which need not be
// that of the asks: the reference's peers ask back before they answer. So
// whoever takes an ask must not wait for an answer of the other side.
package amp
