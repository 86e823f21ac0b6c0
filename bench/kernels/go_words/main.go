// A kernel as Go plugins are: words counted in a map, sorted with a closure, written as JSON and read again, and hashed;
// with Go's garbage collector beneath. It must find the counts that went into the text.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"sort"
	"strings"
	"unicode"
)

const (
	vocabulary = 150
	words      = 1000
)

type entry struct {
	Word  string         `json:"word"`
	Count int            `json:"count"`
	Ends  map[string]int `json:"ends,omitempty"`
}

var (
	text     string
	expected = map[string]int{}
)

// Marsaglia's xorshift, as in kernel.h.
func random(state *uint32) uint32 {
	*state ^= *state << 13
	*state ^= *state >> 17
	*state ^= *state << 5
	return *state >> 8
}

func prepare() {
	seed := uint32(41)
	list := make([]string, vocabulary)
	for i := range list {
		var word strings.Builder
		for letters := random(&seed)%7 + 2; letters > 0; letters-- {
			word.WriteRune([]rune("abcdeéghiñ")[random(&seed)%10])
		}
		// Its number in letters that are not used above, so that no two are the same.
		for n := i + 1; n > 0; n /= 5 {
			word.WriteByte("vwxyz"[n%5])
		}
		list[i] = word.String()
	}
	var out strings.Builder
	for range words {
		word := list[min(random(&seed)%vocabulary, random(&seed)%vocabulary)]
		expected[word]++
		if random(&seed)%4 == 0 {
			word = strings.ToUpper(word)
		}
		out.WriteString(word)
		out.WriteString([]string{" ", ", ", ".\n", "; "}[random(&seed)%4])
	}
	text = out.String()
}

func round() int32 {
	counts := map[string]*entry{}
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		word := strings.ToLower(field)
		found := counts[word]
		if found == nil {
			found = &entry{Word: word, Ends: map[string]int{}}
			counts[word] = found
		}
		found.Count++
		found.Ends[field[len(field)-1:]]++
	}
	if len(counts) != len(expected) {
		return 1
	}
	sorted := make([]*entry, 0, len(counts))
	for _, found := range counts {
		if expected[found.Word] != found.Count {
			return 2
		}
		sorted = append(sorted, found)
	}
	sort.Slice(sorted, func(i, j int) bool {
		if sorted[i].Count != sorted[j].Count {
			return sorted[i].Count > sorted[j].Count
		}
		return sorted[i].Word < sorted[j].Word
	})
	for i := 1; i < len(sorted); i++ {
		if sorted[i-1].Count < sorted[i].Count {
			return 3
		}
	}
	first, err := json.Marshal(sorted)
	if err != nil {
		return 4
	}
	var again []*entry
	if json.Unmarshal(first, &again) != nil || !reflect.DeepEqual(sorted, again) {
		return 5
	}
	second, err := json.Marshal(again)
	if err != nil || !bytes.Equal(first, second) || sha256.Sum256(first) != sha256.Sum256(second) {
		return 6
	}
	// FIPS 180-4's example.
	abc := sha256.Sum256([]byte("abc"))
	if hex.EncodeToString(abc[:]) != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		return 7
	}
	return 0
}

//go:wasmexport run
func run(rounds int32) int32 {
	if text == "" {
		prepare()
	}
	for range rounds {
		if wrong := round(); wrong != 0 {
			return wrong
		}
	}
	return 0
}

func main() {}
