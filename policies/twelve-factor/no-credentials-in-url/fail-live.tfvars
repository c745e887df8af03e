# For `-var-file`: in the repository as much as terraform.tfvars.
size = 2
dsn  = "mysql://shop:letmein99@db.store.example/shop" # expect: a `mysql` URL of host `db.store.example` holds a password
all = {
  urls = ["amqp://shop:${var.password}@mq.store.example", "amqp://shop:hunter22@mq.store.example"] # expect: a `amqp` URL
}
