// Package kubeapiserver describes kube-apiserver, and prepares one for those who are judged against it.
package kubeapiserver
