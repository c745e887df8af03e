data "aws_eks_cluster" "shop" {
  name = "shop"
}

resource "aws_iam_openid_connect_provider" "shop" {
  url            = data.aws_eks_cluster.shop.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
}
