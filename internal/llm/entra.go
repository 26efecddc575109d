package llm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// Entra says how to get tokens for Azure from Microsoft Entra, as an application.
type Entra struct {
	Tenant        string
	Client        string
	Secret        string // or AssertionFile
	AssertionFile string // holds the token of a federated identity; read anew each time, since somebody renews it
	Authority     string // empty: Microsoft's public cloud
}

const entraURL = "https://login.microsoftonline.com"

func (e Entra) isSet() bool { return e.Tenant != "" || e.Client != "" }

// complete reports what is missing.
func (e Entra) complete() error {
	switch u, err := url.Parse(or(e.Authority, entraURL)); {
	case e.Tenant == "" || e.Client == "":
		return errors.New("a token from Entra needs a tenant and a client")
	case (e.Secret == "") == (e.AssertionFile == ""):
		return errors.New("a token from Entra needs a secret or a file with an assertion, not both")
	case err != nil || u.Host == "" || u.Scheme != "https" && !isLoopback(u.String()):
		return errors.New("the authority for tokens has no address that begins with https://")
	}
	return nil
}

const (
	tokenTimeout = 15 * time.Second
	tokenEarly   = 5 * time.Minute // a token is renewed that long before it ends
)

// tokens keeps one token and renews it. Many calls at once ask for it once.
type tokens struct {
	from Entra
	http *http.Client

	mu    sync.Mutex
	token azcore.AccessToken
}

// GetToken returns a token that is good for a while.
func (t *tokens) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Until(t.token.ExpiresOn) > tokenEarly {
		return t.token, nil
	}
	c := clientcredentials.Config{
		ClientID: t.from.Client, ClientSecret: t.from.Secret, Scopes: o.Scopes, AuthStyle: oauth2.AuthStyleInParams,
		TokenURL: strings.TrimSuffix(or(t.from.Authority, entraURL), "/") + "/" + url.PathEscape(t.from.Tenant) + "/oauth2/v2.0/token",
	}
	if t.from.AssertionFile != "" {
		assertion, err := os.ReadFile(t.from.AssertionFile)
		if err != nil {
			return azcore.AccessToken{}, &tokenError{setup: "The file with the assertion for Entra cannot be read."}
		}
		c.EndpointParams = url.Values{"client_assertion": {strings.TrimSpace(string(assertion))},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, t.http), tokenTimeout)
	defer cancel()
	got, err := c.Token(ctx)
	if err != nil {
		return azcore.AccessToken{}, tokenProblem(err)
	}
	if got.Expiry.IsZero() {
		got.Expiry = time.Now().Add(tokenEarly + time.Minute) // it does not say; ask again soon
	}
	t.token = azcore.AccessToken{Token: got.AccessToken, ExpiresOn: got.Expiry}
	return t.token, nil
}

// forget drops the token: the model's server did not take it.
func (t *tokens) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token = azcore.AccessToken{}
}

// tokenError is a token that was not given. What the server wrote is not in it.
type tokenError struct {
	status int
	code   string
	setup  string // what is wrong with the configuration; empty: try again
}

func (e *tokenError) Error() string {
	switch {
	case e.status != 0:
		return fmt.Sprintf("no token from Entra: status %d %s", e.status, e.code)
	case e.setup != "":
		return "no token from Entra: " + e.setup
	}
	return "no token from Entra: no answer"
}

// NonRetriable keeps azcore from trying again; we do.
func (e *tokenError) NonRetriable() {}

// tokenProblem sorts what went wrong.
func tokenProblem(err error) error {
	var said *oauth2.RetrieveError
	if !errors.As(err, &said) || said.Response == nil {
		return &tokenError{}
	}
	e := &tokenError{status: said.Response.StatusCode}
	if cleanCode.MatchString(said.ErrorCode) {
		e.code = said.ErrorCode
	}
	if e.status >= 400 && e.status < 500 && e.status != http.StatusTooManyRequests && e.status != http.StatusRequestTimeout {
		e.setup = "Entra gives no token: check tenant, client and secret, and that the application may use the resource."
	}
	return e
}
