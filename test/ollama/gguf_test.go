package ollama

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
)

// The shape of the tiny model: as small as a llama can be.
const (
	width   = 64
	hidden  = 128
	heads   = 4
	layers  = 2
	context = 16384
)

// Types of values and tensors in a GGUF file.
const (
	typeUint32  = 4
	typeInt32   = 5
	typeFloat32 = 6
	typeString  = 8
	typeArray   = 9
	tensorF32   = 0
	alignment   = 32
)

// gguf is a file of version 3 that is being written.
type gguf struct {
	values  bytes.Buffer
	count   uint64
	tensors []tensor
}

type tensor struct {
	name string
	dims []uint64
	data []float32
}

func put(b *bytes.Buffer, v any) {
	if s, ok := v.(string); ok {
		put(b, uint64(len(s)))
		b.WriteString(s)
		return
	}
	_ = binary.Write(b, binary.LittleEndian, v) // a buffer takes everything
}

// value adds one value of the metadata.
func (g *gguf) value(key string, v any) {
	g.count++
	put(&g.values, key)
	switch v := v.(type) {
	case uint32:
		put(&g.values, uint32(typeUint32))
		put(&g.values, v)
	case float32:
		put(&g.values, uint32(typeFloat32))
		put(&g.values, v)
	case string:
		put(&g.values, uint32(typeString))
		put(&g.values, v)
	case []int32:
		put(&g.values, uint32(typeArray))
		put(&g.values, uint32(typeInt32))
		put(&g.values, uint64(len(v)))
		put(&g.values, v)
	case []string:
		put(&g.values, uint32(typeArray))
		put(&g.values, uint32(typeString))
		put(&g.values, uint64(len(v)))
		for _, s := range v {
			put(&g.values, s)
		}
	}
}

// bytes is the whole file.
func (g *gguf) bytes() []byte {
	var b bytes.Buffer
	b.WriteString("GGUF")
	put(&b, uint32(3))
	put(&b, uint64(len(g.tensors)))
	put(&b, g.count)
	b.Write(g.values.Bytes())
	offset := uint64(0)
	for _, t := range g.tensors {
		put(&b, t.name)
		put(&b, uint32(len(t.dims)))
		put(&b, t.dims)
		put(&b, uint32(tensorF32))
		put(&b, offset)
		offset += uint64(4*len(t.data)+alignment-1) / alignment * alignment
	}
	align := func() { b.Write(make([]byte, (alignment-b.Len()%alignment)%alignment)) }
	align()
	for _, t := range g.tensors {
		put(&b, t.data)
		align()
	}
	return b.Bytes()
}

// tinyModel is a llama with random weights: what it says is noise, in the form
// that the server enforces.
func tinyModel(seed uint64) []byte {
	d := rand.New(rand.NewPCG(seed, 1))
	g := &gguf{}
	tokens, kinds := vocabulary()
	g.value("general.architecture", "llama")
	g.value("general.name", "tiny")
	g.value("general.alignment", uint32(alignment))
	g.value("llama.context_length", uint32(context))
	g.value("llama.embedding_length", uint32(width))
	g.value("llama.block_count", uint32(layers))
	g.value("llama.feed_forward_length", uint32(hidden))
	g.value("llama.attention.head_count", uint32(heads))
	g.value("llama.attention.head_count_kv", uint32(heads))
	g.value("llama.attention.layer_norm_rms_epsilon", float32(1e-5))
	g.value("llama.rope.dimension_count", uint32(width/heads))
	g.value("llama.vocab_size", uint32(len(tokens)))
	g.value("tokenizer.ggml.model", "gpt2")
	g.value("tokenizer.ggml.pre", "gpt-2")
	g.value("tokenizer.ggml.tokens", tokens)
	g.value("tokenizer.ggml.token_type", kinds)
	g.value("tokenizer.ggml.merges", []string{"Ġ t"})
	g.value("tokenizer.ggml.bos_token_id", uint32(257))
	g.value("tokenizer.ggml.eos_token_id", uint32(258))
	random := func(name string, dims ...uint64) {
		n := uint64(1)
		for _, x := range dims {
			n *= x
		}
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(d.NormFloat64() * 0.1)
		}
		g.tensors = append(g.tensors, tensor{name, dims, data})
	}
	ones := func(name string) {
		data := make([]float32, width)
		for i := range data {
			data[i] = 1
		}
		g.tensors = append(g.tensors, tensor{name, []uint64{width}, data})
	}
	random("token_embd.weight", width, uint64(len(tokens)))
	for _, l := range []string{"blk.0.", "blk.1."} {
		ones(l + "attn_norm.weight")
		for _, part := range []string{"attn_q", "attn_k", "attn_v", "attn_output"} {
			random(l+part+".weight", width, width)
		}
		ones(l + "ffn_norm.weight")
		random(l+"ffn_gate.weight", width, hidden)
		random(l+"ffn_up.weight", width, hidden)
		random(l+"ffn_down.weight", hidden, width)
	}
	ones("output_norm.weight")
	random("output.weight", width, uint64(len(tokens)))
	return g.bytes()
}

// vocabulary has one token for each byte, written as GPT-2 writes bytes, one
// pair, and the beginning and end of a text.
func vocabulary() (tokens []string, kinds []int32) {
	next := rune(256)
	for b := range 256 {
		r := rune(b)
		if b < 33 || b > 126 && b < 161 || b == 173 {
			r = next
			next++
		}
		tokens, kinds = append(tokens, string(r)), append(kinds, 1)
	}
	return append(tokens, "Ġt", "<s>", "</s>"), append(kinds, 1, 3, 3)
}
