package container

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"

	"github.com/calico-tls/conformance/harness/launch"
)

// Sweep is the [launch.Sweeper] of containers: it removes those that bear the identity of a dead run, with their
// volumes, and all but the latest images made here. Without an engine there is nothing to sweep: a later sweep finds
// what is left, as a run without a folder is dead as well.
func Sweep(ctx context.Context, dead *launch.Dead) error {
	e, err := connect(ctx)
	if err != nil {
		return context.Cause(ctx)
	}
	defer e.close()
	ours := client.Filters{}.Add("label", labelParent+"="+dead.ParentID())
	containers, err := e.client.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	if err != nil {
		return fmt.Errorf("listing containers of dead runs: %w", err)
	}
	var errs []error
	for _, container := range containers.Items {
		if !dead.Has(container.Labels[labelRun]) {
			continue
		}
		if err := remove(ctx, e.client, container.ID); err != nil {
			errs = append(errs, fmt.Errorf("removing container %s of a dead run: %w", strings.Join(container.Names, " "), err))
		}
	}
	errs = append(errs, prune(ctx, e, dead))
	return errors.Join(errs...)
}

// prune removes images made here that are not in use: all but the latest few of each name, and those that runs of other
// parents made long ago, as theirs may be gone. It leaves that to another sweep if somebody is just looking for an image.
func prune(ctx context.Context, e *engine, dead *launch.Dead) error {
	lock := flock.New(filepath.Join(dead.Parent(), imageLock))
	defer lock.Unlock()
	if ok, err := lock.TryLock(); !ok || err != nil {
		return err
	}
	images, err := e.client.ImageList(ctx, client.ImageListOptions{Filters: client.Filters{}.Add("label", labelDigest)})
	if err != nil {
		return fmt.Errorf("listing images made here: %w", err)
	}
	slices.SortFunc(images.Items, func(a, b image.Summary) int { return cmp.Compare(b.Created, a.Created) })
	seen := map[string]int{}
	for _, image := range images.Items {
		name := ""
		if len(image.RepoTags) > 0 {
			name, _, _ = strings.Cut(strings.TrimPrefix(image.RepoTags[0], repository), ":")
		}
		keep := time.Since(time.Unix(image.Created, 0)) < keptFor
		if image.Labels[labelParent] == dead.ParentID() {
			seen[name]++
			keep = name != "" && name != "<none>" && seen[name] <= keptImages
		}
		if keep {
			continue
		}
		// One that is in use, or can't be removed for another reason, is left to the next sweep.
		_, _ = e.client.ImageRemove(ctx, image.ID, client.ImageRemoveOptions{PruneChildren: true})
	}
	return nil
}
