package offline

import (
	"math"
	"math/rand/v2"
	"slices"
)

// sample is one row to learn from.
type sample struct {
	x      []column
	label  int     // class, or 0 and 1 for a yes-or-no head
	mask   uint8   // classes this row teaches about; a bit for each
	weight float32 // how much a mistake on it costs
}

type column struct {
	id uint32
	v  float32
}

// columns flattens a vector as head.score reads it.
func columns(v *vector, spaces []uint32, general uint32, bits int) []column {
	mask := uint32(1)<<bits - 1
	var out []column
	for i := range v.blocks {
		b := &v.blocks[i]
		norm := b.norm()
		for _, f := range b.features {
			x := float32(float64(f.v) * norm)
			out = append(out, column{inSpace(f.id, spaces[i]) & mask, x})
			if general != 0 && i > 0 {
				out = append(out, column{(f.id ^ general) & mask, x})
			}
		}
	}
	return out
}

// fitOptions are the knobs of fit.
type fitOptions struct {
	cost   float64 // C of the support vector machine
	epochs int
	rarity float64 // how much louder rare columns are: the power of their log inverse frequency
}

// fit trains one head by dual coordinate descent on the squared hinge loss
// (Hsieh et al. 2008, as in LIBLINEAR), one class against the rest, and rounds
// it to int8. It is deterministic.
func fit(name string, classes, bits int, rows []sample, o fitOptions) *head {
	rows, gain := spread(rows, bits, o.rarity)
	h := &head{Name: name, Classes: classes, Bits: bits, Scale: make([]float64, classes), Bias: make([]float64, classes), w: make([]byte, classes<<bits)}
	for c := range classes {
		target := c
		if classes == 1 {
			target = 1
		}
		w, bias := descend(rows, c, target, bits, o)
		for i := range w {
			w[i] *= gain[i]
		}
		top := largest(w)
		if top == 0 {
			top = 1
		}
		scale := top / 127
		h.Scale[c], h.Bias[c] = scale, float64(bias)
		for i, x := range w {
			q := math.Round(float64(x) / scale)
			h.w[i*classes+c] = byte(int8(max(-127, min(127, q))))
		}
	}
	return h
}

// spread makes rare columns louder before the fit: the value times
// ln(rows/rows with it), to a power below one. The factor goes into the weight afterwards, so it costs
// nothing at run time.
func spread(rows []sample, bits int, rarity float64) ([]sample, []float32) {
	df := make([]int32, 1<<bits)
	last := make([]int32, 1<<bits)
	for i := range rows {
		for _, c := range rows[i].x {
			if last[c.id] != int32(i+1) {
				last[c.id] = int32(i + 1)
				df[c.id]++
			}
		}
	}
	gain := make([]float32, 1<<bits)
	for i, n := range df {
		if n > 0 {
			gain[i] = float32(math.Pow(math.Log(float64(len(rows)+1)/float64(n)), rarity))
		}
	}
	out := make([]sample, len(rows))
	for i, r := range rows {
		out[i] = r
		out[i].x = make([]column, len(r.x))
		for k, c := range r.x {
			out[i].x[k] = column{c.id, c.v * gain[c.id]}
		}
	}
	return out, gain
}

// largest is the weight that becomes 127. One in two thousand is clipped, so
// that the others keep their differences.
func largest(w []float32) float64 {
	abs := make([]float32, 0, len(w))
	for _, x := range w {
		if x != 0 {
			abs = append(abs, float32(math.Abs(float64(x))))
		}
	}
	if len(abs) == 0 {
		return 0
	}
	slices.Sort(abs)
	return float64(abs[len(abs)-1-len(abs)/2000])
}

func descend(rows []sample, class, target, bits int, o fitOptions) ([]float32, float32) {
	w := make([]float32, 1<<bits)
	var bias float32
	var use []int32
	for i := range rows {
		if rows[i].mask == 0 || rows[i].mask&(1<<class) != 0 {
			use = append(use, int32(i))
		}
	}
	alpha := make([]float32, len(use))
	norms := make([]float32, len(use))
	for k, i := range use {
		n := float32(1)
		for _, c := range rows[i].x {
			n += c.v * c.v
		}
		norms[k] = n
	}
	order := make([]int32, len(use))
	for k := range order {
		order[k] = int32(k)
	}
	rng := rand.New(rand.NewPCG(7, uint64(class)))
	for range o.epochs {
		rng.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
		for _, k := range order {
			r := &rows[use[k]]
			y := float32(-1)
			if r.label == target {
				y = 1
			}
			diag := float32(0.5 / (o.cost * float64(r.weight)))
			g := bias
			for _, c := range r.x {
				g += w[c.id] * c.v
			}
			g = y*g - 1 + diag*alpha[k]
			old := alpha[k]
			a := max(0, old-g/(norms[k]+diag))
			if a == old {
				continue
			}
			alpha[k] = a
			d := (a - old) * y
			for _, c := range r.x {
				w[c.id] += d * c.v
			}
			bias += d
		}
	}
	return w, bias
}

// calibrate fits softmax(a·score+b) to scores of rows the head has not seen,
// by gradient descent with a pull towards one common a.
func calibrate(scores [][]float64, labels []int, classes int) calibration {
	c := calibration{A: make([]float64, classes), B: make([]float64, classes), N: len(labels)}
	for k := range c.A {
		c.A[k] = 2
	}
	present := make([]float64, classes)
	for _, l := range labels {
		present[l]++
	}
	ga, gb := make([]float64, classes), make([]float64, classes)
	va, vb := make([]float64, classes), make([]float64, classes)
	p := make([]float64, classes)
	for step := range 1500 {
		clear(ga)
		clear(gb)
		for i, s := range scores {
			copy(p, s)
			c.apply(p)
			for k := range p {
				d := p[k]
				if labels[i] == k {
					d--
				}
				ga[k] += d * s[k]
				gb[k] += d
			}
		}
		mean := 0.0
		for _, a := range c.A {
			mean += a / float64(classes)
		}
		rate := 1.0 / float64(1+step/300)
		for k := range c.A {
			ga[k] = ga[k]/float64(len(scores)) + 0.02*(c.A[k]-mean)
			gb[k] = gb[k]/float64(len(scores)) + 0.001*c.B[k]
			va[k] = 0.9*va[k] - rate*ga[k]
			vb[k] = 0.9*vb[k] - rate*gb[k]
			c.A[k] += va[k]
			c.B[k] += vb[k]
		}
	}
	return c
}

// calibrateBinary fits 1/(1+exp(-(a·score+b))).
func calibrateBinary(scores []float64, labels []int) calibration {
	c := calibration{A: []float64{2}, B: []float64{0}, N: len(labels)}
	var va, vb float64
	for step := range 1500 {
		var ga, gb float64
		for i, s := range scores {
			d := c.binary(s) - float64(labels[i])
			ga += d * s
			gb += d
		}
		rate := 1.0 / float64(1+step/300)
		va = 0.9*va - rate*ga/float64(len(scores))
		vb = 0.9*vb - rate*gb/float64(len(scores))
		c.A[0] += va
		c.B[0] += vb
	}
	return c
}
