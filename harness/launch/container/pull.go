package container

import "context"

// Pull makes an image available, from its registry if the engine has none of its name, and returns its digest,
// "sha256:…". It returns an [*ImageError] if the image can't be had.
func (l *Launcher) Pull(ctx context.Context, reference string) (digest string, err error) {
	limited, cancel := context.WithTimeout(ctx, imageDeadline)
	defer cancel()
	image, err := l.pulled(limited, reference)
	return image.digest, err
}
