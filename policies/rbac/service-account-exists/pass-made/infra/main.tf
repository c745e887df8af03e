resource "kubernetes_service_account" "a" {
  metadata {
    name      = "by-terraform"
    namespace = "shop"
  }
}

resource "kubernetes_service_account_v1" "b" {
  metadata {
    name      = "by-terraform-v1"
    namespace = "shop"
  }
}
