package control

import "encoding/json"

var eventTypes = map[string]func(json.RawMessage) (any, error){
	EventChannel: decodeAs[ChannelEvent],
	EventAlert:   decodeAs[AlertEvent],
	EventReady:   decodeAs[ReadyEvent],
	EventPubKey:  decodeAs[PubKeyEvent],
	EventIOAuth:  decodeAs[IOAuthEvent],
	EventSig:     decodeAs[SigEvent],
	EventFailed:  decodeAs[FailedEvent],
	EventError:   decodeAs[ErrorEvent],
	EventAuth:    decodeAs[AuthEvent],
	EventTx:      decodeAs[TxEvent],
	EventPush:    decodeAs[PushEvent],
	EventEnded:   decodeAs[EndedEvent],
}

func decodeAs[T any](params json.RawMessage) (any, error) { return Decode[T](params) }

// DecodeEvent reads an event into the type that belongs to its name, such as
// ReadyEvent (not a pointer), and checks its bounds. For a name that this
// software does not know it returns nil; such an event is to be ignored. Its
// errors are ErrBadRequest.
func DecodeEvent(name string, params json.RawMessage) (any, error) {
	if decode, ok := eventTypes[name]; ok {
		return decode(params)
	}
	return nil, nil
}
