package vector

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestPackedEmbeddingsKeepTheirAngles(t *testing.T) {
	t.Parallel()
	d := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		a, b := make([]float32, 256), make([]float32, 256)
		var dot, x, y float64
		for i := range a {
			a[i] = float32(d.NormFloat64())
			b[i] = a[i]*float32(d.Float64()) + float32(d.NormFloat64())
			dot, x, y = dot+float64(a[i]*b[i]), x+float64(a[i]*a[i]), y+float64(b[i]*b[i])
		}
		want := dot / math.Sqrt(x*y)
		if got := Cosine(Pack(a), Pack(b)); math.Abs(got-want) > 0.01 {
			t.Errorf("cosine %.4f, want %.4f", got, want)
		}
	}
	for _, v := range [][]float32{nil, {}, {0, 0}, {float32(math.Inf(1)), 1}, {float32(math.NaN())}} {
		if got := Cosine(Pack(v), Pack(v)); got != 0 && !math.IsNaN(float64(v[0])) {
			t.Errorf("cosine of %v with itself = %v", v, got)
		}
	}
	if Cosine(Pack([]float32{1}), Pack([]float32{1, 2})) != 0 {
		t.Error("different lengths are alike")
	}
}
