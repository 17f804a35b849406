package control

import (
	"encoding/json"
	"fmt"
)

// validator is a message with bounds.
type validator interface{ Validate() error }

// Decode reads the parameters of a request, question or event and checks their
// bounds. Absent parameters are an empty object, unknown members are ignored.
// Its errors are ErrBadRequest.
func Decode[T any](params json.RawMessage) (T, error) {
	var v T
	if len(params) > 0 {
		if err := json.Unmarshal(params, &v); err != nil {
			var zero T
			return zero, fmt.Errorf("%w: %v", ErrBadRequest, err)
		}
	}
	if err := validate(v); err != nil {
		var zero T
		return zero, err
	}
	return v, nil
}

func validate(v any) error {
	if v, ok := v.(validator); ok {
		if err := v.Validate(); err != nil {
			return fmt.Errorf("%w: %v", ErrBadRequest, err)
		}
	}
	return nil
}

// encode is the inverse of Decode, for answers as well: what the other side
// would refuse is not sent. Nil becomes an empty object.
func encode(v any) (json.RawMessage, error) {
	if v == nil {
		return json.RawMessage("{}"), nil
	}
	if err := validate(v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}
