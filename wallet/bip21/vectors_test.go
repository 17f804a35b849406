package bip21

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/joinmarket-go/joinmarket/internal/vectors"
)

// vector is a case of the reference implementation's known answers.
type vector struct {
	Kind       string
	Valid      bool
	URI        string
	Recognised bool
	Should     string
	Result     map[string]any
	Address    string
	Parameters [][2]json.RawMessage
	Safe       string
}

// parameters lists a URI as the reference does.
func parameters(u URI) map[string]any {
	out := map[string]any{}
	for name, value := range u.Other {
		out[name] = value
	}
	for name, value := range map[string]string{"address": u.Address, "label": u.Label, "message": u.Message, "pj": u.PayJoin} {
		if value != "" {
			out[name] = value
		}
	}
	if u.Amount != nil {
		out["amount"] = float64(*u.Amount) // as encoding/json reads it
	}
	return out
}

const payee = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"

// better has our answers where the corpus asks for others than the reference
// gives, or leaves the choice: nil to refuse.
var better = map[string]map[string]any{
	"bitcoin:" + payee + "?req-":           nil,
	"bitcoin:" + payee + "?req-x=":         nil,
	"bitcoin:" + payee + "?label=a%2Bb":    {"address": payee, "label": "a+b"},
	"bitcoin:" + payee + "?label=100%2525": {"address": payee, "label": "100%25"},
	"bitcoin:" + payee + "?label=%2525":    {"address": payee, "label": "%25"},
	"bitcoin:" + payee + "?label=%25":      {"address": payee, "label": "%"},
	"bitcoin:" + payee + "?address=zzz":    {"address": payee},
	"bitcoin:/" + payee:                    nil, // an address has letters and digits only
	"bitcoin: " + payee:                    nil,
	" bitcoin:" + payee:                    nil,
	"bitcoin:" + payee + ";x?amount=1":     nil,
}

func TestDecodeVectors(t *testing.T) {
	met := 0
	for _, c := range vectors.Kind[vector](t, "bip21.json", "decode", 73) {
		want, accept := c.Result, c.Valid
		if c.Should != "" {
			var known bool
			if want, known = better[c.URI]; !known {
				t.Errorf("%q: no answer to %q", c.URI, c.Should)
			}
			accept, met = want != nil, met+1
		}
		u, err := Decode(c.URI)
		if (err == nil) != accept {
			t.Errorf("Decode(%q): %v, want accepted: %t", c.URI, err, accept)
			continue
		}
		if err == nil && !maps.Equal(parameters(u), want) {
			t.Errorf("Decode(%q) = %v, want %v", c.URI, parameters(u), want)
		}
		if !c.Recognised && !errors.Is(err, ErrNotURI) {
			t.Errorf("Decode(%q): %v, want ErrNotURI", c.URI, err)
		}
	}
	if met != len(better) {
		t.Errorf("%d cases with another answer, want %d", met, len(better))
	}
}

func TestEncodeVectors(t *testing.T) {
	for _, c := range vectors.Kind[vector](t, "bip21.json", "encode", 18) {
		u, err := given(t, c)
		var got string
		if err == nil {
			if got, err = u.Encode(); c.Safe == ":/" {
				// As receivers of payjoins ask the reference to write.
				got = strings.NewReplacer("%3A", ":", "%2F", "/").Replace(got)
			}
		}
		accept := c.Valid
		switch c.URI {
		case "bitcoin:" + payee + "?amount=x", "bitcoin:" + payee + "?req-x=50", "bitcoin:?amount=1":
			// The reference writes these and could not read them. We do not.
			if _, unreadable := Decode(c.URI); unreadable == nil {
				t.Errorf("%s can be read", c.URI)
			}
			accept = false
		}
		if (err == nil) != accept || accept && got != c.URI {
			t.Errorf("%s with %s = %q, %v, want %q (%t)", c.Address, c.Parameters, got, err, c.URI, accept)
		}
	}
}

// given makes a URI of the parameters of a case, or an error if its amount is
// none.
func given(t *testing.T, c vector) (URI, error) {
	u := URI{Address: c.Address, Other: map[string]string{}}
	for _, p := range c.Parameters {
		var name string
		if err := json.Unmarshal(p[0], &name); err != nil {
			t.Fatal(err)
		}
		value := string(p[1])
		if value[0] == '"' {
			if err := json.Unmarshal(p[1], &value); err != nil {
				t.Fatal(err)
			}
		}
		switch name {
		case "amount":
			a, err := parseAmount(value)
			if err != nil {
				return URI{}, err
			}
			u.Amount = &a
		case "label":
			u.Label = value
		case "message":
			u.Message = value
		case "pj":
			u.PayJoin = value
		default:
			u.Other[name] = value
		}
	}
	return u, nil
}
