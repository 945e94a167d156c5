package reports

import (
	"cmp"
	"slices"
	"strings"
)

// factor is one part of a case's ID, by which cases differ: {"client", "expired"}. A key that an ID doesn't have is a
// factor with the value "".
type factor struct{ name, value string }

// factorNames are the names of the factors, the most telling first. Link and subject are none: cases that differ in them
// are never lumped together.
var factorNames = []string{"client", "server", "setting", "token", "conduct", "mode", "version"}

// factorsOf returns the factors of an ID in the order of their names.
func factorsOf(id string) []factor {
	parts := strings.Split(id, "/")
	values := map[string]string{}
	for i, part := range parts {
		name, value, found := strings.Cut(part, "=")
		switch {
		case i == 1:
			values["mode"] = part
		case i == 5:
			values["version"] = part
		case found:
			values[name] = value
		}
	}
	all := make([]factor, len(factorNames))
	for i, name := range factorNames {
		all[i] = factor{name, values[name]}
	}
	return all
}

// place returns the link and the subject of an ID.
func place(id string) string {
	parts := strings.SplitN(id, "/", 4)
	return parts[0] + " " + parts[2]
}

// subject returns the subject of an ID.
func subject(id string) string { return strings.SplitN(id, "/", 4)[2] }

func (f factor) String() string {
	switch {
	case f.value == "":
		return "no " + f.name
	case f.name == "version" && f.value == "none":
		return "no connection"
	case f.name == "version":
		return f.value
	case f.name == "mode":
		return "mode " + f.value
	}
	return f.name + "=" + f.value
}

// cluster is a set of cases on one link and subject, with the factors that all of them have and no other case has. Of one
// case, factors is empty.
type cluster struct {
	factors []factor
	ids     []string
	// further cases have the factors and stand in a larger cluster.
	further bool
}

// most is how many factors a cluster is told apart by at most.
const most = 3

// clusters sorts cases of one link and subject into sets that are told apart from the other cases by as few factors as
// can be: the largest set first, of equal ones the one with fewer factors. What no such set holds stands alone. Both
// lists are sorted by ID; the other cases may be of any link and subject.
func clusters(ids, others []string) []cluster {
	if len(ids) == 0 {
		return nil
	}
	there := place(ids[0])
	others = slices.DeleteFunc(slices.Clone(others), func(id string) bool { return place(id) != there })
	foreign := map[string]bool{}
	for _, id := range others {
		for _, c := range combinations(id) {
			foreign[c.name] = true
		}
	}
	b := bagged(ids, foreign)
	var found []cluster
	for {
		next := b.largest()
		if len(next.ids) < 2 {
			break
		}
		found = append(found, next)
	}
	for _, id := range ids {
		if !b.taken[id] {
			found = append(found, cluster{ids: []string{id}})
		}
	}
	return found
}

// combination is some factors of a case, with a name that equal ones share.
type combination struct {
	name    string
	factors []factor
}

// combinations returns all combinations of the factors of a case of up to most of them, the empty one included.
func combinations(id string) []combination {
	all := []combination{{}}
	for _, f := range factorsOf(id) {
		for _, c := range all {
			if len(c.factors) < most {
				all = append(all, combination{c.name + "/" + f.name + "=" + f.value, append(slices.Clone(c.factors), f)})
			}
		}
	}
	return all
}

// bag holds the sets of cases that share a combination, and which cases have been taken out of it.
type bag struct {
	sets  []*shared
	of    map[string][]*shared
	taken map[string]bool
}

// shared is a set, with the number of its cases that have not been taken.
type shared struct {
	cluster

	left int
}

// bagged returns the sets of cases that share a combination which is not foreign.
func bagged(ids []string, foreign map[string]bool) *bag {
	b := &bag{of: map[string][]*shared{}, taken: map[string]bool{}}
	byName := map[string]*shared{}
	for _, id := range ids {
		for _, c := range combinations(id) {
			if foreign[c.name] {
				continue
			}
			set := byName[c.name]
			if set == nil {
				set = &shared{cluster: cluster{factors: c.factors}}
				byName[c.name] = set
				b.sets = append(b.sets, set)
			}
			set.ids = append(set.ids, id)
			set.left++
			b.of[id] = append(b.of[id], set)
		}
	}
	return b
}

// largest takes the largest set out of the bag.
func (b *bag) largest() cluster {
	if len(b.sets) == 0 {
		return cluster{}
	}
	set := slices.MinFunc(b.sets, func(a, b *shared) int {
		return cmp.Or(cmp.Compare(b.left, a.left), cmp.Compare(len(a.factors), len(b.factors)), cmp.Compare(a.rank(), b.rank()))
	})
	taken := cluster{factors: set.factors}
	for _, id := range set.ids {
		if !b.taken[id] {
			taken.ids = append(taken.ids, id)
		}
	}
	taken.further = len(taken.ids) < len(set.ids)
	if len(taken.ids) < 2 {
		return cluster{}
	}
	for _, id := range taken.ids {
		b.taken[id] = true
		for _, s := range b.of[id] {
			s.left--
		}
	}
	return taken
}

// rank is lower for factors that tell more: those that say what is there before those that say what isn't.
func (c cluster) rank() int {
	rank := 0
	for _, f := range c.factors {
		rank += 1 + slices.Index(factorNames, f.name)
		if f.value == "" {
			rank += 2 * len(factorNames)
		}
	}
	return rank
}

// title names the cases: by the ID of a single one, else by what they have in common.
func (c cluster) title() string {
	if len(c.ids) == 1 {
		return c.ids[0]
	}
	text := "all " + count(len(c.ids), "case")
	if c.further {
		text = "the other " + count(len(c.ids), "case")
	}
	if len(c.factors) > 0 {
		words := make([]string, len(c.factors))
		for i, f := range c.factors {
			words[i] = f.String()
		}
		text += " with " + strings.Join(words, " and ")
	}
	return text + " on " + subject(c.ids[0])
}

// glob returns a glob that matches the cases. It may match others as well where a factor says what is not there.
func (c cluster) glob() string {
	if len(c.ids) == 1 {
		return c.ids[0]
	}
	given := map[string]string{}
	for _, f := range c.factors {
		given[f.name] = f.value
	}
	parts := strings.SplitN(c.ids[0], "/", 4)
	glob := []string{parts[0], cmp.Or(given["mode"], "*"), parts[2]}
	for _, name := range []string{"client", "server"} {
		glob = append(glob, name+"="+cmp.Or(given[name], "*"))
	}
	glob = append(glob, cmp.Or(given["version"], "*"))
	keyed := false
	for _, name := range []string{"setting", "token", "conduct"} {
		if value := given[name]; value != "" {
			glob, keyed = append(glob, "**", name+"="+value), true
		}
	}
	for !keyed && strings.HasSuffix(glob[len(glob)-1], "*") {
		glob = glob[:len(glob)-1]
	}
	return strings.Join(append(glob, "**"), "/")
}

// nearest returns the one among others that differs from a case of the same link and subject in the fewest factors, and
// what differs: pairs of the case's factor and the other's. ok is false if none differs in less than three.
func nearest(id string, others []string) (near string, differs [][2]factor, ok bool) {
	there, mine := place(id), factorsOf(id)
	for _, other := range others {
		if place(other) != there {
			continue
		}
		var pairs [][2]factor
		for i, theirs := range factorsOf(other) {
			if mine[i] != theirs {
				pairs = append(pairs, [2]factor{mine[i], theirs})
			}
		}
		if len(pairs) < most && (!ok || len(pairs) < len(differs) || len(pairs) == len(differs) && moreTelling(pairs, differs)) {
			near, differs, ok = other, pairs, true
		}
	}
	return near, differs, ok
}

// moreTelling prefers a difference to what is good, or not there at all.
func moreTelling(a, b [][2]factor) bool {
	plain := func(pairs [][2]factor) int {
		n := 0
		for _, p := range pairs {
			if p[1].value == "good" || p[1].value == "" {
				n++
			}
		}
		return n
	}
	return plain(a) > plain(b)
}

// sortBySize puts the largest clusters first, equal ones by their first ID.
func sortBySize[T any](all []T, of func(T) cluster) {
	slices.SortStableFunc(all, func(a, b T) int {
		x, y := of(a), of(b)
		return cmp.Or(cmp.Compare(len(y.ids), len(x.ids)), cmp.Compare(x.ids[0], y.ids[0]))
	})
}
