package command

import "testing"

// The banner names an address that opens.
func TestTheAddressThatOpens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		l          Listen
		addr, want string
	}{
		{Listen{}, "127.0.0.1:8090", "http://127.0.0.1:8090"},
		{Listen{}, "0.0.0.0:8090", "http://127.0.0.1:8090"},
		{Listen{Domains: []string{"feedback.example.com", "www.example.com"}, HTTPS: "0.0.0.0:443"}, "0.0.0.0:443", "https://feedback.example.com"},
		{Listen{HTTPS: "127.0.0.1:8443"}, "127.0.0.1:8443", "https://127.0.0.1:8443"},
	} {
		if got := c.l.address(c.addr); got != c.want {
			t.Errorf("%+v on %s = %s, want %s", c.l, c.addr, got, c.want)
		}
	}
}
