// Package kubeapiserver is the connection from Calico's components to kube-apiserver: its modes, and the instruments that
// play its ends.
//
// The protocol is HTTPS. kube-apiserver shakes hands with whoever speaks TLS, and says by its answer what it makes of its
// client: 401 if it does not know it, 403 if it knows it and denies it. A client is known by its certificate, else by its
// bearer token, else as nobody. Whom it took its client for, a SelfSubjectReview tells.
package kubeapiserver
