package linear

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// A UUID of version 4 has 122 free bits. A key of ours has 100: 20 letters of
// base32. The other 22 are a checksum, so that the key can be told from chance.

const (
	keyLength = 20
	checkBits = 22
)

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// idOf is the id of the issue or comment that a key names. A key of another form
// is hashed; then it cannot be read back, and keyOf needs the marker.
func idOf(key string) string {
	sum := sha256.Sum256([]byte("iterateswarm " + key))
	n := new(big.Int).SetBytes(sum[:16])
	n.Rsh(n, 6)
	if b, err := letters.DecodeString(key + "a"); len(key) == keyLength && err == nil { // 105 bits, whole bytes of 104
		n.SetBytes(b)
		n.Rsh(n, 4)
		n.Lsh(n, checkBits)
		n.Or(n, big.NewInt(check(key)))
	}
	low := new(big.Int).And(n, mask(62)).Uint64()
	mid := new(big.Int).And(new(big.Int).Rsh(n, 62), mask(12)).Uint64()
	high := new(big.Int).Rsh(n, 74).Uint64() // 48 bits
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", high>>16, high&0xffff, mid, 0x8000|low>>48, low&(1<<48-1))
}

func mask(bits uint) *big.Int {
	one := big.NewInt(1)
	return new(big.Int).Sub(new(big.Int).Lsh(one, bits), one)
}

func check(key string) int64 {
	sum := sha256.Sum256([]byte("check " + key))
	return int64(binary.BigEndian.Uint32(sum[:4]) >> (32 - checkBits))
}

// keyOf reads the key out of an issue's id, or out of the marker when the id is
// made from it. An id cannot be copied, so that nobody passes another issue off
// as ours.
func keyOf(id, description string) (string, bool) {
	if key, ok := sdk.MarkerOf(description); ok && idOf(key) == strings.ToLower(id) {
		return key, true
	}
	digits := strings.ReplaceAll(id, "-", "")
	n, ok := new(big.Int).SetString(digits, 16)
	if len(digits) != 32 || !ok || n.Sign() < 0 {
		return "", false
	}
	free := new(big.Int).Rsh(n, 80) // the first 48 bits
	free.Lsh(free, 12).Or(free, new(big.Int).And(new(big.Int).Rsh(n, 64), mask(12)))
	free.Lsh(free, 62).Or(free, new(big.Int).And(n, mask(62)))
	free.Rsh(free, checkBits).Lsh(free, 4)
	key := letters.EncodeToString(free.FillBytes(make([]byte, 13)))[:keyLength]
	return key, idOf(key) == strings.ToLower(id)
}
