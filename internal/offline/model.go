package offline

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// head is one linear model: a table of int8 weights, classes side by side, so
// that one feature costs one cache line.
type head struct {
	Name    string    `json:"name"`
	Classes int       `json:"classes"`
	Bits    int       `json:"bits"`
	Scale   []float64 `json:"scale"` // per class: weight = int8 · Scale
	Bias    []float64 `json:"bias"`
	w       []byte
}

// calibration turns scores into probabilities: softmax(a·score + b).
type calibration struct {
	A []float64 `json:"a"`
	B []float64 `json:"b"`
	N int       `json:"n"` // rows it was fitted on
}

// model is everything that was learned.
type model struct {
	Heads       []*head                `json:"heads"`
	Calibration map[string]calibration `json:"calibration"`
	Thresholds  map[string]float64     `json:"thresholds"`
	Templates   []uint32               `json:"templates"` // sorted hashes of form lines
	version     string
	byName      map[string]*head
}

const weightsMagic = "IS01"

// encode writes the model as a header and the raw tables.
func (m *model) encode() ([]byte, error) {
	header, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode weights: %w", err)
	}
	var b bytes.Buffer
	b.WriteString(weightsMagic)
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(header))))
	b.Write(header)
	for _, h := range m.Heads {
		b.Write(h.w)
	}
	return b.Bytes(), nil
}

// decodeModel reads what encode wrote. The tables stay where they are: nothing
// is copied, so opening costs only the header.
func decodeModel(data []byte) (*model, error) {
	if len(data) < 8 || string(data[:4]) != weightsMagic {
		return nil, fmt.Errorf("decode weights: not a weights file")
	}
	n := int(binary.LittleEndian.Uint32(data[4:]))
	if n > len(data)-8 {
		return nil, fmt.Errorf("decode weights: cut off in the header")
	}
	m := new(model)
	if err := json.Unmarshal(data[8:8+n], m); err != nil {
		return nil, fmt.Errorf("decode weights: %w", err)
	}
	rest := data[8+n:]
	for _, h := range m.Heads {
		size := h.Classes << h.Bits
		if size <= 0 || size > len(rest) || len(h.Scale) != h.Classes || len(h.Bias) != h.Classes {
			return nil, fmt.Errorf("decode weights: head %s is cut off", h.Name)
		}
		h.w, rest = rest[:size], rest[size:]
	}
	sum := sha256.Sum256(data)
	m.version = "w" + hex.EncodeToString(sum[:6])
	m.index()
	return m, nil
}

func (m *model) index() {
	m.byName = make(map[string]*head, len(m.Heads))
	for _, h := range m.Heads {
		m.byName[h.Name] = h
	}
}

// head returns the head of that name, nil when the model has none.
func (m *model) head(name string) *head { return m.byName[name] }

func (m *model) isTemplate(h uint32) bool {
	_, ok := slices.BinarySearch(m.Templates, h)
	return ok
}

// score computes the score of each class. Sums are whole numbers, so the order
// of the features and the machine do not matter.
func (h *head) score(v *vector, spaces []uint32, general uint32, out []float64) {
	copy(out, h.Bias)
	if h.Classes == 4 {
		h.score4(v, spaces, general, out)
		return
	}
	mask := uint32(1)<<h.Bits - 1
	var sum [8]int64
	for i := range v.blocks {
		b := &v.blocks[i]
		sum = [8]int64{}
		norm := b.norm()
		for _, f := range b.features {
			h.add(sum[:h.Classes], int(inSpace(f.id, spaces[i])&mask)*h.Classes, f.v)
			if general != 0 {
				h.add(sum[:h.Classes], int((f.id^general)&mask)*h.Classes, f.v)
			}
		}
		for c := range h.Classes {
			out[c] += float64(float64(sum[c])*h.Scale[c]) * norm
		}
	}
}

func (h *head) add(sum []int64, at int, v int32) {
	w := h.w[at : at+len(sum)]
	for c := range sum {
		sum[c] += int64(int8(w[c])) * int64(v)
	}
}

func (h *head) score4(v *vector, spaces []uint32, general uint32, out []float64) {
	mask := uint32(1)<<h.Bits - 1
	for i := range v.blocks {
		b := &v.blocks[i]
		var s0, s1, s2, s3 int64
		for _, f := range b.features {
			at := int(inSpace(f.id, spaces[i])&mask) * 4
			w := h.w[at : at+4]
			x := int64(f.v)
			s0 += int64(int8(w[0])) * x
			s1 += int64(int8(w[1])) * x
			s2 += int64(int8(w[2])) * x
			s3 += int64(int8(w[3])) * x
			if general != 0 && i > 0 {
				at = int((f.id^general)&mask) * 4
				w = h.w[at : at+4]
				s0 += int64(int8(w[0])) * x
				s1 += int64(int8(w[1])) * x
				s2 += int64(int8(w[2])) * x
				s3 += int64(int8(w[3])) * x
			}
		}
		norm := b.norm()
		out[0] += float64(float64(s0)*h.Scale[0]) * norm
		out[1] += float64(float64(s1)*h.Scale[1]) * norm
		out[2] += float64(float64(s2)*h.Scale[2]) * norm
		out[3] += float64(float64(s3)*h.Scale[3]) * norm
	}
}

// norm is what a fixed-point value is multiplied by.
func (b *block) norm() float64 {
	var sq int64
	for _, f := range b.features {
		sq += int64(f.v) * int64(f.v)
	}
	if sq == 0 {
		return 0
	}
	return b.weight / math.Sqrt(float64(sq))
}

// apply writes calibrated probabilities over scores.
func (c calibration) apply(scores []float64) {
	for k := range scores {
		if k < len(c.A) {
			scores[k] = float64(c.A[k]*scores[k]) + c.B[k]
		}
	}
	softmax(scores)
}

func softmax(s []float64) {
	top := slices.Max(s)
	var sum float64
	for k := range s {
		s[k] = math.Exp(s[k] - top)
		sum += s[k]
	}
	for k := range s {
		s[k] /= sum
	}
}

// binary applies the calibration to the one score of a yes-or-no head.
func (c calibration) binary(score float64) float64 {
	if len(c.A) == 0 {
		return 1 / (1 + math.Exp(-2*score))
	}
	return 1 / (1 + math.Exp(-(float64(c.A[0]*score) + c.B[0])))
}
