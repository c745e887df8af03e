variable "password" {}

variable "fallback" {
  default = "hunter2"
}

resource "kubernetes_config_map" "cart" {
  data = {
    known   = "postgres://cart:hunter2@db/cart" # expect[password]: a `postgres` URL of host `db` holds a password
    default = "postgres://cart:${var.fallback}@replica/cart" # expect[password]: a `postgres` URL of host `replica` holds a password
    unknown = "postgres://cart:${var.password}@db/cart"
    call    = format("postgres://cart:%s@db/cart", var.password)
    nested = {
      urls = ["https://ops:hunter2@backup.example.com"] # expect[password]: a `https` URL of host `backup.example.com` holds a password
    }
  }

  provisioner "local-exec" {
    command = "curl http://ops:hunter2@${self.id}/x" # expect[password]: holds a password
  }
}
