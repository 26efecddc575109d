package offline

import (
	"os"
	"strconv"
)

func tune(name string, d float64) float64 {
	if s := os.Getenv("T_" + name); s != "" {
		x, err := strconv.ParseFloat(s, 64)
		if err == nil {
			return x
		}
	}
	return d
}

func TuneOnlyClass() bool { return os.Getenv("T_only") != "" }
