package kubeapiserver

const Address = "127.0.0.1"
