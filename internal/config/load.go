package config

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
)

// longestFile bounds what is read from a NAME_FILE.
const longestFile = 64 << 10

// Default is the configuration of an empty environment.
func Default() Config {
	c, err := Load(func(string) (string, bool) { return "", false })
	if err != nil {
		panic(err) // a default in the tags is wrong
	}
	return c
}

// FromEnviron reads a whole environment, as os.Environ returns it. It reports
// everything that Load does, and variables that begin with Prefix and are not
// ours: most of them are typing mistakes.
func FromEnviron(environ []string) (Config, error) {
	env := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	c, err := Load(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	return c, errors.Join(unknown(env), err)
}

// Load reads every setting through lookup, which is os.LookupEnv or stands for
// it. An empty value counts as not set. The error names all mistakes, one on
// each line, with what to write instead; it never quotes a secret.
func Load(lookup func(name string) (value string, ok bool)) (Config, error) {
	var c Config
	err := read(&c, lookup)
	if err == nil && c.API.TextLimit > c.API.BodyLimit {
		err = fmt.Errorf("%sAPI_TEXT_LIMIT=%s is more than %sAPI_BODY_LIMIT=%s: a body holds its text",
			Prefix, c.API.TextLimit, Prefix, c.API.BodyLimit)
	}
	if err == nil && c.Key.Value.IsSet() && c.Key.File != "" {
		err = fmt.Errorf("%sKEY and %sKEY_FILE are both set: keep one", Prefix, Prefix)
	}
	if err == nil {
		err = c.LLM.check()
	}
	return c, err
}

// check reports what one setting of the model needs of another.
func (l LLM) check() error {
	var mistakes []error
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(Prefix+format, args...)) }
	if l.Model == "" {
		if l.Key.IsSet() || l.URL != "" || l.EntraTenant != "" || l.EntraClient != "" {
			wrong("LLM_MODEL is empty: name the model, or unset the other LLM settings")
		}
		return errors.Join(mistakes...)
	}
	entra := l.EntraTenant != "" || l.EntraClient != "" || l.EntraSecret.IsSet() || l.EntraAssertion != ""
	switch {
	case entra && (l.Kind != "azure" || l.Key.IsSet()):
		wrong("LLM_ENTRA_… is set: it is for LLM_KIND=azure without LLM_KEY")
	case entra && (l.EntraTenant == "" || l.EntraClient == "" || l.EntraSecret.IsSet() == (l.EntraAssertion != "")):
		wrong("LLM_ENTRA_… is not complete: set LLM_ENTRA_TENANT, LLM_ENTRA_CLIENT and one of LLM_ENTRA_SECRET and LLM_ENTRA_ASSERTION_FILE")
	}
	if !l.Key.IsSet() && !entra && (l.Kind == "openai" || l.Kind == "azure") {
		wrong("LLM_KEY is empty: LLM_KIND=%s needs one", l.Kind)
	}
	if l.URL == "" && (l.Kind == "azure" || l.Kind == "compatible") {
		wrong("LLM_URL is empty: LLM_KIND=%s needs one", l.Kind)
	}
	if (l.DailyCost > 0 || l.ProjectCost > 0) && l.PriceIn == 0 && l.PriceOut == 0 {
		wrong("LLM_DAILY_COST or LLM_PROJECT_COST is set and both prices are 0: nothing would ever count; set LLM_PRICE_IN and LLM_PRICE_OUT")
	}
	return errors.Join(mistakes...)
}

// read fills the struct that target points to.
func read(target any, lookup func(string) (string, bool)) error {
	var mistakes []error
	for _, f := range fields(target) {
		if text := f.tag.Get("default"); text != "" {
			if err := f.set(text); err != nil {
				panic("config: the default of " + f.name + " is not allowed: " + err.Error())
			}
		}
		text, from, err := f.find(lookup)
		if err == nil && text != "" {
			err = f.set(text)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", from, err))
		}
	}
	return errors.Join(mistakes...)
}

// find returns the text of a setting and what to call it in a mistake.
func (f field) find(lookup func(string) (string, bool)) (text, from string, err error) {
	text, _ = lookup(f.name)
	text = strings.TrimSpace(text)
	from = fmt.Sprintf("%s=%q", f.name, text)
	if f.isSecret() {
		from = f.name
	}
	if !f.hasFile() {
		return text, from, nil
	}
	name := f.name + "_FILE"
	file, _ := lookup(name)
	if file = strings.TrimSpace(file); file == "" {
		return text, from, nil
	}
	if text != "" {
		return "", from, fmt.Errorf("%s is set too: keep one", name)
	}
	text, err = readFile(file)
	return text, fmt.Sprintf("%s=%q", name, file), err
}

func readFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, longestFile+1))
	switch {
	case err != nil:
		return "", err
	case len(data) > longestFile:
		return "", fmt.Errorf("write a file of at most %s", Size(longestFile))
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "", errors.New("the file is empty")
	}
	return text, nil
}

// unknown reports the names that begin with Prefix and are not ours.
func unknown(env map[string]string) error {
	var known, wrong []string
	for _, f := range fields(&Config{}) {
		known = append(known, f.name)
		if f.hasFile() {
			known = append(known, f.name+"_FILE")
		}
	}
	for name := range env {
		if strings.HasPrefix(name, Prefix) && !strings.HasPrefix(name, TestPrefix) && !slices.Contains(known, name) {
			wrong = append(wrong, name)
		}
	}
	slices.Sort(wrong)
	var mistakes []error
	for _, name := range wrong {
		hint := "docs/configuration.md lists all settings"
		if near := nearest(name, known); near != "" {
			hint = "did you mean " + near + "?"
		}
		mistakes = append(mistakes, fmt.Errorf("%s is no setting: %s", name, hint))
	}
	return errors.Join(mistakes...)
}

// nearest returns the known name with the fewest edits from name, or nothing
// when even that one is a different word.
func nearest(name string, known []string) string {
	best, fewest := "", len(name)
	for _, k := range known {
		if d := edits(name, k); d < fewest {
			best, fewest = k, d
		}
	}
	if fewest > (len(name)-len(Prefix))/2 {
		return ""
	}
	return best
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func check(kind, text string) error {
	switch kind {
	case "url":
		return checkURL(text, true)
	case "origin":
		return checkURL(text, false)
	case "key":
		return checkKey(text)
	}
	return nil
}

// checkURL accepts http and https addresses that name a host and carry no
// login, query or fragment.
func checkURL(text string, path bool) error {
	u, err := url.Parse(text)
	if err != nil {
		return err
	}
	bare := url.URL{Scheme: u.Scheme, Host: u.Host}
	if path {
		bare.Path = u.Path
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || strings.Contains(u.Host, "*") || bare.String() != text {
		return errors.New("not an address")
	}
	return nil
}
