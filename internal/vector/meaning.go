package vector

import "math"

// Pack turns an embedding into one byte a number. Only the direction is kept; a
// vector without one is nil.
func Pack(v []float32) []byte {
	most := 0.0
	for _, x := range v {
		most = max(most, math.Abs(float64(x)))
	}
	if most == 0 || math.IsInf(most, 0) || math.IsNaN(most) {
		return nil
	}
	out := make([]byte, len(v))
	for i, x := range v {
		out[i] = byte(int8(math.Round(float64(x) / most * 127)))
	}
	return out
}

// Cosine compares two packed embeddings: 1 for the same direction. Those of
// different lengths, or none, are 0.
func Cosine(a, b []byte) float64 {
	if len(a) != len(b) || len(a) == 0 {
		return 0
	}
	var dot, x, y int64
	for i := range a {
		p, q := int64(int8(a[i])), int64(int8(b[i]))
		dot += p * q
		x += p * p
		y += q * q
	}
	if x == 0 || y == 0 {
		return 0
	}
	return float64(dot) / math.Sqrt(float64(x)*float64(y))
}
