// A large module to load: a program that does next to nothing with some of the larger packages of Go's
// library. What it does on start keeps the linker from leaving them out.
package main

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"html/template"
	"math/big"
	"os"
	"regexp"
	"strings"
)

type release struct {
	Name    string   `json:"name"`
	Changes []string `json:"changes"`
}

const source = `<h1>{{.Name}}</h1>{{range .Changes}}<p>{{.}}</p>{{end}}`

var page = template.Must(template.New("page").Parse(source))

func main() {
	var one release
	check(json.Unmarshal([]byte(`{"name": "<first>", "changes": ["it loads", "it runs"]}`), &one))
	var html strings.Builder
	check(page.Execute(&html, one))
	if !regexp.MustCompile(`^<h1>&lt;\w+&gt;</h1>(<p>it \w+</p>)+$`).MatchString(html.String()) {
		os.Exit(1)
	}
	_, err := parser.ParseFile(token.NewFileSet(), "p.go", "package p\nvar x = 1\n", 0)
	check(err)
	if new(big.Int).Exp(big.NewInt(3), big.NewInt(40), nil).String() != "12157665459056928801" {
		os.Exit(1)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
