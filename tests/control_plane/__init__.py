"""An API server with etcd and the controllers, and no nodes: real admission, garbage collection and Deployments, on
loopback, without root, in seconds. For what needs a real API server and no pod that runs."""
