// Command eval measures how well IterateSwarm judges, and trains what the
// embedded engine knows.
//
//	go run ./eval                  score the build on the small set in eval/testdata
//	go run ./eval --data DIR       score it on every public set in DIR, write eval/report.md
//	go run ./eval train --data DIR train internal/offline/weights.bin
//	go run ./eval learn --data DIR what a team's decisions teach, simulated on sources the model has not seen
//	go run ./eval llm              score the language model that the environment names, beside the build
//
// The public sets are not part of the project; docs/judgement.md names them.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	args := os.Args[1:]
	command := ""
	if len(args) > 0 && (args[0] == "train" || args[0] == "learn" || args[0] == "llm") {
		command, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet("eval", flag.ExitOnError)
	o := options{}
	flags.StringVar(&o.data, "data", "", "folder of the public sets")
	flags.StringVar(&o.out, "out", "", "file to write: weights for train, the report otherwise")
	flags.BoolVar(&o.dev, "dev", false, "hold back a fifth of each training split and score on it; looks at no test split")
	flags.IntVar(&o.fold, "fold", 0, "which fifth --dev holds back, 0 to 4")
	flags.BoolVar(&o.protocol, "nlbse", false, "the NLBSE'24 protocol: train on its train split alone, score its test split")
	flags.BoolVar(&o.unseen, "unseen", false, "score each source of issues and reviews by a model trained without it; looks at no test split")
	if command == "llm" {
		flags.StringVar(&o.sets, "sets", "own", "sets to score, separated by commas: own, and with --data nlbse, maalej, clap, play")
		flags.IntVar(&o.most, "n", 400, "messages of each set at most, spread over it")
	}
	_ = flags.Parse(args)
	var err error
	switch {
	case command == "train":
		err = train(o)
	case command == "learn":
		err = simulate(o)
	case command == "llm":
		err = compare(o)
	case o.protocol:
		err = protocol(o)
	case o.unseen:
		err = scoreUnseen(o)
	case o.dev:
		err = develop(o)
	default:
		err = score(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1)
	}
}

type options struct {
	data, out string
	dev       bool
	fold      int
	protocol  bool
	unseen    bool
	sets      string
	most      int
}
