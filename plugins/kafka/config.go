package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"net"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/iterateswarm/iterateswarm/sdk"
)

const schema = `{
  "type": "object",
  "required": ["brokers", "topics"],
  "properties": {
    "brokers": {
      "type": "array", "title": "Brokers", "items": {"type": "string", "maxLength": 300},
      "description": "Host and port of one or more brokers, such as kafka.example.com:9093. The others are learned from them."
    },
    "topics": {
      "type": "array", "title": "Topics", "items": {"type": "string", "maxLength": 249},
      "description": "Names of the topics to read. They are not made."
    },
    "group": {
      "type": "string", "title": "Consumer group", "default": "iterateswarm", "maxLength": 249,
      "description": "Where to go on is kept under this name by the brokers. Give each source its own."
    },
    "start": {
      "type": "string", "title": "Begin with", "enum": ["new", "all"], "default": "new",
      "description": "What a group that has read nothing yet takes: what is written from now on, or all that is there."
    },
    "tls": {
      "type": "boolean", "title": "TLS", "default": true
    },
    "ca": {
      "type": "string", "title": "Certificate authority", "maxLength": 65536,
      "description": "In PEM, when the brokers' certificates are from an authority of your own. Empty means the system's."
    },
    "client_certificate": {
      "type": "string", "title": "Client certificate", "maxLength": 65536,
      "description": "In PEM, when the brokers ask for one."
    },
    "client_key": {
      "type": "string", "title": "Key of the client certificate", "secret": true, "maxLength": 65536
    },
    "mechanism": {
      "type": "string", "title": "Login", "enum": ["none", "plain", "scram-sha-256", "scram-sha-512"], "default": "none",
      "description": "The SASL mechanism."
    },
    "user": {"type": "string", "title": "User", "maxLength": 300},
    "password": {"type": "string", "title": "Password", "secret": true, "maxLength": 1000},
    "content_field": {
      "type": "string", "title": "Field of the text", "default": "content", "maxLength": 200,
      "description": "In a message that is a JSON object. Dots lead into objects: body.text. A message that is no JSON object is the text itself."
    },
    "title_field": {"type": "string", "title": "Field of the title", "default": "title", "maxLength": 200},
    "user_id_field": {"type": "string", "title": "Field of the author's id", "default": "user_id", "maxLength": 200},
    "user_name_field": {"type": "string", "title": "Field of the author's name", "default": "user_name", "maxLength": 200},
    "external_id_field": {
      "type": "string", "title": "Field of the message's id", "default": "external_id", "maxLength": 200,
      "description": "A message without it is named by topic, partition and offset."
    },
    "permalink_field": {"type": "string", "title": "Field of the message's address", "default": "permalink", "maxLength": 200},
    "allow_private": {
      "type": "boolean", "title": "Brokers in the private network", "default": false,
      "description": "Lets brokers be at private addresses. Only a superuser may set it."
    }
  }
}`

type config struct {
	Brokers      []string `json:"brokers"`
	Topics       []string `json:"topics"`
	Group        string   `json:"group"`
	Start        string   `json:"start"`
	TLS          bool     `json:"tls"`
	CA           string   `json:"ca"`
	Certificate  string   `json:"client_certificate"`
	Key          string   `json:"client_key"`
	Mechanism    string   `json:"mechanism"`
	User         string   `json:"user"`
	Password     string   `json:"password"`
	Content      string   `json:"content_field"`
	Title        string   `json:"title_field"`
	UserID       string   `json:"user_id_field"`
	UserName     string   `json:"user_name_field"`
	ExternalID   string   `json:"external_id_field"`
	Permalink    string   `json:"permalink_field"`
	AllowPrivate bool     `json:"allow_private"`

	tls *tls.Config // nil without TLS
}

func defaults() config {
	return config{Group: "iterateswarm", Start: "new", TLS: true, Mechanism: "none", Content: "content", Title: "title",
		UserID: "user_id", UserName: "user_name", ExternalID: "external_id", Permalink: "permalink"}
}

// checkLogin checks what opens a connection, and reads the certificates.
func (c *config) checkLogin() []sdk.Diagnostic {
	var wrong []sdk.Diagnostic
	switch c.Mechanism {
	case "none":
		if c.User != "" || c.Password != "" {
			wrong = append(wrong, sdk.Wrong("mechanism", "is none, with a user or a password"))
		}
	case "plain", "scram-sha-256", "scram-sha-512":
		if c.User == "" || c.Password == "" {
			wrong = append(wrong, sdk.Wrong("user", "or password is empty, and %s needs both", c.Mechanism))
		}
		if c.Mechanism == "plain" && !c.TLS {
			wrong = append(wrong, sdk.Diagnostic{Severity: sdk.Warning, Field: "tls", Summary: "is off, and plain sends the password as it is", Detail: "Switch TLS on, or use scram."})
		}
	default:
		wrong = append(wrong, sdk.Wrong("mechanism", "is not one of none, plain, scram-sha-256, scram-sha-512"))
	}
	if !c.TLS {
		if c.CA != "" || c.Certificate != "" || c.Key != "" {
			wrong = append(wrong, sdk.Wrong("tls", "is off, with a certificate"))
		}
		return wrong
	}
	c.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		c.tls.RootCAs = x509.NewCertPool()
		if !c.tls.RootCAs.AppendCertsFromPEM([]byte(c.CA)) {
			wrong = append(wrong, sdk.Wrong("ca", "holds no certificate in PEM"))
		}
	}
	if c.Certificate != "" || c.Key != "" {
		pair, err := tls.X509KeyPair([]byte(c.Certificate), []byte(c.Key))
		if err != nil {
			d := sdk.Wrong("client_certificate", "and client_key are no pair")
			d.Detail = "Both are needed, in PEM, the key without a password."
			wrong = append(wrong, d)
		}
		c.tls.Certificates = []tls.Certificate{pair}
	}
	return wrong
}

// login is what opens a connection.
func (c *config) login(d *net.Dialer) []kgo.Opt {
	var opts []kgo.Opt
	if c.tls != nil {
		opts = append(opts, kgo.Dialer((&tlsDialer{d, c.tls}).dial))
	} else {
		opts = append(opts, kgo.Dialer(d.DialContext))
	}
	switch c.Mechanism {
	case "plain":
		opts = append(opts, kgo.SASL(plain.Auth{User: c.User, Pass: c.Password}.AsMechanism()))
	case "scram-sha-256":
		opts = append(opts, kgo.SASL(scram.Auth{User: c.User, Pass: c.Password}.AsSha256Mechanism()))
	case "scram-sha-512":
		opts = append(opts, kgo.SASL(scram.Auth{User: c.User, Pass: c.Password}.AsSha512Mechanism()))
	}
	return opts
}
