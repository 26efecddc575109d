package githubsource

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/iterateswarm/iterateswarm/sdk"
)

// Discussions are only in GitHub's GraphQL. One page is the 20 that changed
// last, each with its 50 newest comments and their 20 newest answers.
const discussionsQuery = `query($owner: String!, $repo: String!, $after: String) {
  repository(owner: $owner, name: $repo) {
    discussions(first: 20, after: $after, orderBy: {field: UPDATED_AT, direction: DESC}) {
      pageInfo { hasNextPage endCursor }
      nodes {
        number title body url createdAt updatedAt authorAssociation
        author { ...who }
        comments(last: 50) {
          nodes {
            databaseId body url createdAt authorAssociation
            author { ...who }
            replies(last: 20) {
              nodes { databaseId body url createdAt authorAssociation author { ...who } }
            }
          }
        }
      }
    }
  }
}
fragment who on Actor { __typename login ... on User { databaseId } }`

type actor struct {
	Type  string `json:"__typename"`
	Login string `json:"login"`
	ID    int64  `json:"databaseId"`
}

type node struct {
	Number      int       `json:"number"`
	ID          int64     `json:"databaseId"`
	Title       string    `json:"title"`
	Body        string    `json:"body"`
	URL         string    `json:"url"`
	Created     time.Time `json:"createdAt"`
	Updated     time.Time `json:"updatedAt"`
	Association string    `json:"authorAssociation"`
	Author      *actor    `json:"author"` // null when the account is gone
	Comments    nodes     `json:"comments"`
	Replies     nodes     `json:"replies"`
}

type nodes struct {
	Nodes []*node `json:"nodes"`
}

// post is a node as a webhook would show it.
func (n *node) post() *post {
	p := &post{ID: n.ID, Number: n.Number, Title: n.Title, Body: n.Body, HTMLURL: n.URL, Created: n.Created, Association: n.Association}
	if n.Author != nil {
		p.User = &user{ID: n.Author.ID, Login: n.Author.Login, Type: n.Author.Type}
	}
	return p
}

// discussions reads those that changed since the cursor, the newest change
// first, and moves the cursor on when all of them are stored.
func (r *round) discussions(ctx context.Context) error {
	from, newest, after := r.cursor.Discussions.Add(-overlap), r.cursor.Discussions, ""
	for range maxPages {
		list, next, err := r.source.discussions(ctx, after)
		if err != nil {
			return err
		}
		var items []sdk.Item
		for _, d := range list {
			if d == nil {
				continue
			}
			if d.Updated.Before(from) {
				next = ""
				break
			}
			if d.Updated.After(newest) {
				newest = d.Updated
			}
			items = r.thread(items, d)
		}
		for len(items) > 0 {
			n := min(len(items), sdk.MaxBatch)
			if err := r.keep(ctx, items[:n]); err != nil {
				return err
			}
			items = items[n:]
		}
		if after = next; after == "" {
			break
		}
	}
	if newest.Equal(r.cursor.Discussions) {
		return nil
	}
	r.cursor.Discussions = newest
	return r.keep(ctx, nil)
}

// thread adds a discussion and what stands under it, as far as it is new.
func (r *round) thread(items []sdk.Item, d *node) []sdk.Item {
	top := d.post()
	from := r.cursor.Discussions.Add(-overlap)
	add := func(n *node, a about) {
		if n == nil || n.Created.Before(r.cursor.Begun) || n.Created.Before(from) {
			return
		}
		if item := r.source.item(a, n.post()); item != nil {
			items = append(items, *item)
		}
	}
	add(d, about{kind: discussionKind})
	if !r.source.config.comments() {
		return items
	}
	for _, c := range d.Comments.Nodes {
		add(c, about{kind: discussionKind, under: top})
		if c == nil {
			continue
		}
		for _, reply := range c.Replies.Nodes {
			add(reply, about{kind: discussionKind, under: top})
		}
	}
	return items
}

// discussions asks for one page and where the next one begins.
func (s *Source) discussions(ctx context.Context, after string) ([]*node, string, error) {
	variables := map[string]any{"owner": s.config.Owner, "repo": s.config.Repo}
	if after != "" {
		variables["after"] = after
	}
	var answer struct {
		Data struct {
			Repository *struct {
				Discussions struct {
					nodes
					PageInfo struct {
						Next bool   `json:"hasNextPage"`
						End  string `json:"endCursor"`
					} `json:"pageInfo"`
				} `json:"discussions"`
			} `json:"repository"`
		} `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	req, err := s.client.NewRequest(http.MethodPost, s.graphql(), map[string]any{"query": discussionsQuery, "variables": variables})
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if _, err := s.client.Do(ctx, req, &answer); err != nil {
		return nil, "", err
	}
	if answer.Data.Repository == nil {
		text := "it shows no discussions to this token"
		if len(answer.Errors) > 0 {
			text = answer.Errors[0].Message
		}
		return nil, "", errors.New(text)
	}
	d := answer.Data.Repository.Discussions
	if !d.PageInfo.Next {
		d.PageInfo.End = ""
	}
	return d.Nodes, d.PageInfo.End, nil
}

// graphql is the address of GitHub's GraphQL: beside the API's own, except on
// Enterprise Server.
func (s *Source) graphql() string {
	u := *s.base
	if root, ok := strings.CutSuffix(u.Path, "/v3/"); ok {
		u.Path = root + "/graphql"
	} else {
		u.Path += "graphql"
	}
	return u.String()
}
