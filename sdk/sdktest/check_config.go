package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/internal/pluginhost"
	"github.com/iterateswarm/iterateswarm/sdk"
)

// badConfig: each configuration goes to a process of its own, as Configure is
// called once. The host refuses what the schema does not allow, before the
// plugin sees it; a plugin that is handed such a thing all the same says so and
// does not die.
func (c *checker) badConfig(ctx context.Context) error {
	bad := map[string]string{"text that is not JSON": `{"`, "a list": `[]`}
	if len(required(c.m)) > 0 {
		bad["an empty object, where "+required(c.m)[0]+" is required"] = `{}`
	}
	for what, config := range bad {
		p, err := c.fresh(ctx)
		if err != nil {
			return err
		}
		list, err := p.Configure(ctx, sdk.Config{JSON: []byte(config), DataDir: c.dataDir})
		if err != nil {
			return fmt.Errorf("the call Configure with %s fails with a gRPC error, want a diagnostic: %w", what, err)
		}
		if refusal(list) == nil {
			return fmt.Errorf("the call Configure with %s is accepted, want a diagnostic of severity ERROR", what)
		}
	}
	secrets := pluginhost.SecretFields(c.m)
	if len(secrets) == 0 {
		return nil
	}
	// A value of every type: what is not refused for its text is for its type.
	for _, secret := range []any{canary, []string{canary}, map[string]string{canary: canary}, canary + "\n" + canary} {
		config := map[string]any{}
		if err := json.Unmarshal(pluginhost.Example(c.m), &config); err != nil {
			return err
		}
		for _, field := range secrets {
			config[field] = secret
		}
		raw, err := json.Marshal(config)
		if err != nil {
			return err
		}
		p, err := c.fresh(ctx)
		if err != nil {
			return err
		}
		list, err := p.Configure(ctx, sdk.Config{JSON: raw, DataDir: c.dataDir})
		if err != nil {
			return fmt.Errorf("the call Configure with %s in a secret fails with a gRPC error, want a diagnostic: %w", clip(fmt.Sprint(secret)), err)
		}
		for _, d := range list {
			if strings.Contains(d.String(), canary) {
				return fmt.Errorf("a diagnostic of Configure quotes a secret: %s", d)
			}
		}
	}
	return nil
}

// required are the properties that the schema requires.
func required(m sdk.Manifest) []string {
	var list []string
	for _, d := range pluginhost.CheckConfig(m, []byte(`{}`)) {
		list = append(list, d.Field)
	}
	return list
}

// goodConfig: with the configuration given, or one made from the schema, it
// starts.
func (c *checker) goodConfig(ctx context.Context) error {
	p, err := c.fresh(ctx)
	if err != nil {
		return err
	}
	c.choose(ctx, p)
	if c.config != "" {
		c.process = p
		return nil
	}
	if c.subject.Config != "" {
		return errors.New("the given configuration is refused: " + c.refused)
	}
	return skip("no configuration was given, and one made from the schema is refused: " + c.refused)
}

// health: the process answers at once, without asking anybody.
func (c *checker) health(ctx context.Context) error {
	p, err := c.ready(ctx)
	if err != nil {
		return err
	}
	for range 20 {
		began := time.Now()
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := p.Alive(short)
		cancel()
		if err != nil {
			return fmt.Errorf("the call Health with remote false after %v: %w", time.Since(began).Round(time.Millisecond), err)
		}
	}
	c.resident, c.private = memory(p.cmd.Process.Pid)
	return nil
}
